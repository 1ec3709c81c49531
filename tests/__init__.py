"""Tests of Steward: unit, contract, playbooks, integration, with the fakes they share."""
