# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The paper's claims
#
# Schmidhuber's 1990 report says that 6 of 10 trials solved the flip-flop task in the sequential regime and 20 of 30 in
# the parallel one. This notebook trains as many trials as that with the page's method (Adam, clipping, a world model
# trained on random actions) and puts the rates side by side. The sweep is `sweeps/paper_claims.yaml`; where it has been
# run before under this name, only its records are read.

# %%
import os
import sys
from pathlib import Path

from IPython.display import Image, display

import flipflop
from flipflop.results.figures.of_sweep import draw
from flipflop.results.figures.style import png_of
from flipflop.results.load import load, to_dataframe

os.chdir(Path(flipflop.__file__).parent.parent)  # the checkout: outputs/ lies there
os.environ["FORCE_COLOR"] = ""  # commands print plain text, and no bars

# %%
# !{sys.executable} -m flipflop.run -cn paper_claims name=notebook_paper_claims

# %% [markdown]
# A row is a group of runs that differ only by seed. Every rate has its 95% Wilson interval, and so has the paper's.
# The same as a table of pandas, one row per run:

# %%
sweep = load("outputs/sweeps/notebook_paper_claims")
runs = to_dataframe(sweep.records)
runs.groupby("label")[["success", "steps_to_solve", "mean_accuracy", "mean_pain"]].agg(
    ["count", "mean", "min", "max"]
).T

# %% [markdown]
# And as pictures: the rates beside the claims, pain over training, and when the runs were first solved.

# %%
for figure in draw(sweep).values():
    display(Image(png_of(figure)))

# %% [markdown]
# The difference has its reasons: the paper learned online with plain gradient descent and small nets, and trained its
# world model on the controller's own actions. Which of the page's deviations matters is a question for other sweeps.
