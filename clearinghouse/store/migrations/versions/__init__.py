"""One file per version. A released one is never edited."""
