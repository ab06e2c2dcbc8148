"""How fast vtkdicomload is beside other readers, on this machine: ``python -m benchmarks``."""
