"""The functions of the package, put together from what lies below."""
