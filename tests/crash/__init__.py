"""What must survive a crash, tried by crashing."""
