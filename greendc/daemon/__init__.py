"""What a long-running greendc is made of; `greendc.app` puts the parts together."""
