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
# # Anatomy of a run
#
# One controller C and one world model M, from their first outer step to what they have become. C never sees the latch
# that it should hold, only the pain of having been wrong; M learns to predict that pain; C descends M's prediction.

# %%
import os
import sys
from pathlib import Path

from IPython.display import Image, display

import flipflop
from flipflop.results.figures.of_run import plot
from flipflop.results.figures.style import png_of
from flipflop.results.load import load

os.chdir(Path(flipflop.__file__).parent.parent)  # the checkout: outputs/ lies there
os.environ["FORCE_COLOR"] = ""  # commands print plain text, and no bars

# %%
# !{sys.executable} -m flipflop.run -m seed=0 name=notebook_anatomy

# %%
sweep = load("outputs/sweeps/notebook_anatomy")
record = sweep.run(0)
record.metrics

# %%
figures = plot(record, sweep.arrays(record))

# %% [markdown]
# ## Its course
#
# M learns from the first outer step on, C after the warm-up of 500. Accuracy is right long before pain is small: the
# action crosses one half first and goes to 0 and 1 then.

# %%
display(Image(png_of(figures["training_curves"])))

# %% [markdown]
# ## What it does
#
# An episode of 80 time steps that no run has trained on. The action follows the latch through all distractors.

# %%
display(Image(png_of(figures["test_episode"])))

# %% [markdown]
# ## Its weights
#
# Each square is a weight: its area the size, its look the sign. A and B stand out among what both nets see.

# %%
display(Image(png_of(figures["controller_weights"])))
display(Image(png_of(figures["world_model_weights"])))

# %% [markdown]
# ## What M believes
#
# For every possible action, the pain that M predicts, in five latch contexts, beside the true pain. C learns from the
# slope of these curves: they need not lie at the right height, but must fall towards the right side.

# %%
display(Image(png_of(figures["pain_landscape"])))
