"""The ports kept by real products, one package or module each; none knows another."""
