"""`evcommand pool show`: a pool's day as a picture, in the terminal or as SVG."""
