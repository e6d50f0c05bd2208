"""The facts that stations report: judged, recorded, and answered."""
