"""theorycheck: statements about how parametrised models are trained, as objects that can be checked."""
