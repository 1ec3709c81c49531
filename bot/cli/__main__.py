"""`python -m bot.cli`: what the `./steward` script runs."""

from bot.cli import main

main()
