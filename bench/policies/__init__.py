"""What the policies of ``exporter/advice`` would have won on a recording of many zones."""
