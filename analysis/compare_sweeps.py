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
# # Comparing sweeps
#
# Does it matter how large the controller's steps are? Two sweeps that differ in nothing but its learning rate, with 30
# runs each in the sequential regime, and half of the page's outer steps, so that not every run gets there.

# %%
import os
import sys
from pathlib import Path

from IPython.display import Image, display
from rich.console import Console

import flipflop
from flipflop.results.compare.matching import compare_sweeps
from flipflop.results.compare.tables import frame, show
from flipflop.results.figures.of_sweep import draw
from flipflop.results.figures.style import png_of
from flipflop.results.load import load

os.chdir(Path(flipflop.__file__).parent.parent)  # the checkout: outputs/ lies there
os.environ["FORCE_COLOR"] = ""  # commands print plain text, and no bars

# %%
# !{sys.executable} -m flipflop.run -m seed=0..29 regime.steps=1500 name=notebook_page
# !{sys.executable} -m flipflop.run -m seed=0..29 regime.steps=1500 optimiser.lr_controller=1e-3 name=notebook_slow

# %% [markdown]
# Groups of runs with the same config are compared, but for what the sweeps differ in as a whole. Each rate has its
# Wilson interval, the difference Newcombe's, and p is that of Boschloo's exact test. The same on the command line:
#
#     python -m flipflop.compare outputs/sweeps/notebook_page outputs/sweeps/notebook_slow

# %%
page, slow = (load(f"outputs/sweeps/{name}") for name in ("notebook_page", "notebook_slow"))
result = compare_sweeps([page, slow])
show(result, Console(width=80, color_system=None, force_jupyter=False))

# %% [markdown]
# The same numbers, unrounded, as a table of pandas:

# %%
frame(result).T

# %% [markdown]
# When the runs were first solved, in the page's sweep and in the slower one. A run that was not solved by its end is no
# missing value: it has been seen unsolved for 1,500 outer steps, and its tick says so.

# %%
for sweep in (page, slow):
    display(Image(png_of(draw(sweep)["solved"])))
