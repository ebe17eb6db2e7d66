"""HTTP in and out: translates requests to verbs and their results to answers, and decides nothing."""
