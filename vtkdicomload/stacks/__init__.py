"""Private: from frames to volumes: division, order, grid."""
