"""The images of one file by what it says: its elements, walked strictly, and the frames in it; no pixels."""
