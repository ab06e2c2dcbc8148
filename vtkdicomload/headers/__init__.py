"""What one file says of its images: its elements, walked strictly, and the frames in it; no pixels."""
