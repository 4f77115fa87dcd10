"""The real Hyper, the engine of Data Cloud, against which the emulated tenant is held."""
