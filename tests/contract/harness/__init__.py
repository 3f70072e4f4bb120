"""What the contract tests stand on: the simulator's process, its control port, and the record of what the vendor's client sent."""
