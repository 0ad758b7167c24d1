"""Where data come from: files, bundled sets, synthetic sets."""
