"""Remembering: documents, index, facts, profile, ledger and the database beneath them."""

import os
import sys

# Before numpy is imported: its matrices are small here, and a second thread that waits by spinning makes one of 12 rows
# take 2 to 8 ms of processor time instead of 0.16 as soon as the machine has something else to do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A thread that waits for the interpreter asks for it after half a millisecond, not after five: the model's, given a question,
# begins while the index is still asked for words, and a thread that reads long texts holds the service up less.
sys.setswitchinterval(0.0005)
