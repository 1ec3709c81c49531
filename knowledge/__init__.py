"""Remembering: documents, index, facts, profile, ledger and the database beneath them."""

import os

# Before numpy is imported: its matrices are small here, and a second thread that waits by spinning makes one of 12 rows
# take 2 to 8 ms of processor time instead of 0.16 as soon as the machine has something else to do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
