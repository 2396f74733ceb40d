"""The twin: generated programs, run on the reference broker and on a real one, must agree.

Hypothesis draws programs (`generate`), an own model says what each step must bring (`model`,
`methods`, `queues`, `routing`), each broker runs them (`stage`), and whatever differs fails, is
made small, and is told as a transcript and as a test to paste. What the contract leaves open is
written down in one place: `normalise`.

    nox -s twin -- --examples 2000 --seed 7
    nox -s twin -- --what memcached
"""
