"""Finding: what a question asks for, which passages come near, in what order, and whether they answer it at all."""
