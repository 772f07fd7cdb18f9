# %% [markdown]
# # Going further
