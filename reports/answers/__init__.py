"""Pages that answer one user question each, from the observations of experiments.

`suites.answers` makes the experiments and leaves a study, a file of JSON lines (`model`). Here it
becomes a page: `questions` holds, for each question, how its facts are told and what follows from
them; nothing else knows a question. Every sentence of a page is made from the facts of the study.
"""
