"""AgentDojo's tools, declared as connectors would declare them, and the run of the harness over them."""
