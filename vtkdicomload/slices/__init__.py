"""From the frames of a series to clean stacks in their order, on a grid."""
