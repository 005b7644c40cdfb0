"""Products of matrices over blocks of lanes: sweeps, norms, quadratic forms, top eigenvalues of Hessians, gradient descent."""
