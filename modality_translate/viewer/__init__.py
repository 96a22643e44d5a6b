"""Looking at volumes and running models in the browser, on this computer alone."""
