"""What each verb of the command line does, free of how it is typed."""
