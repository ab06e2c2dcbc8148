"""Private: series as arrays of xarray that are read where they are indexed."""
