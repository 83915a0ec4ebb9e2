"""The simulator by itself, in simulated time: no test here waits for the machine's clock but those of the HTTP face."""
