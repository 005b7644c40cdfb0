"""The six functions of `MapKernels` for each family of parametrizations: products of matrices, entrywise maps, words, and what wraps them."""
