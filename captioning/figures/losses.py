"""Figure of the losses after each epoch."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from captioning.figures.colours import IMAGE, RULE, TEXT, WRONG
from captioning.figures.drawing import WIDTH, Drawing, own_style
from captioning.figures.text import FONT, fitted, text_width


def _points(history, key):
    """Picks the rows of a history in which a loss is a finite number.

    Args:
        history: as for `plot_loss_curves`.
        key: name of the loss.

    Returns:
        x and y, (N,) float64 each, and what x counts: "epoch", or "step" if epochs repeat.
    """
    epochs = [row["epoch"] for row in history]
    unit = "epoch" if all(a < b for a, b in zip(epochs, epochs[1:], strict=False)) else "step"
    pairs = [(row[unit], float(row[key])) for row in history if row.get(key) is not None]
    pairs = np.array([pair for pair in pairs if np.isfinite(pair[1])], np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], unit


def _loss_axes(figure, unit, top):
    """Adds axes with light horizontal lines and no frame, up to the share `top` of the figure's height."""
    ax = figure.add_axes((0.075, 0.14, 0.745, top - 0.14))
    ax.set_facecolor("none")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(RULE)
    ax.set_xlabel(unit, color=TEXT, fontsize=9.5, family=FONT)
    ax.set_ylabel("loss, nats per word", color=TEXT, fontsize=9.5, family=FONT)
    ax.grid(axis="y", color=RULE, alpha=0.3, linewidth=0.9)
    ax.grid(False, axis="x")
    ax.set_axisbelow(True)
    ax.tick_params(colors=TEXT, labelsize=9, length=0, pad=6, labelfontfamily=FONT)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, min_n_ticks=2))
    return ax


def _label_ends(figure, ax, ends):
    """Writes the names of the lines at the right, at the height of their last values, 18 or more units apart."""
    to_figure = ax.transData + figure.transFigure.inverted()
    labels = sorted((to_figure.transform(end)[1], name, hue) for end, name, hue in ends)
    gap = 0.18 / figure.get_figheight()
    if len(labels) == 2 and labels[1][0] - labels[0][0] < gap:
        middle = (labels[0][0] + labels[1][0]) / 2
        labels = [(middle - gap / 2, *labels[0][1:]), (middle + gap / 2, *labels[1][1:])]
    for y, name, hue in labels:
        figure.text(0.832, y, name, color=hue.line, fontsize=9.5, family=FONT, va="center_baseline", weight="bold")


def _mark_best(ax, x, y, label):
    """Draws a ring around (x, y), and a dotted line up to its label above the axes, where no curve can cross it."""
    ax.plot([x], [y], marker="o", markersize=10, markerfacecolor="none", markeredgecolor=WRONG.line,
            markeredgewidth=1.5, clip_on=False)
    place, height = (ax.transData + ax.transAxes.inverted()).transform((x, y))
    ax.plot([place, place], [height + 0.035, 1], color=WRONG.line, linewidth=1, linestyle=(0, (1, 2)), zorder=1,
            transform=ax.transAxes, clip_on=False)
    width = text_width(label, 9) / (WIDTH * ax.get_position().width)
    ax.text(min(max(place, width / 2), 1 - width / 2), 1.045, label, transform=ax.transAxes, ha="center",
            va="center_baseline", color=WRONG.line, fontsize=9, family=FONT)


@own_style
def plot_loss_curves(history, title="Loss while training: lower is better"):
    """Plots training and validation loss after each epoch, and marks the best validation loss.

    Args:
        history: list of dicts with step, epoch, train_loss and val_loss, in nats per word. None, NaN and infinity
            are left out. An empty list gives empty axes. If epochs repeat, x counts steps.
        title: a line above the axes.

    Returns:
        A Figure.
    """
    figure = Drawing(figsize=(WIDTH / 100, 3.8), dpi=100, facecolor="none")
    lines = [(*_points(history, key), name, hue) for key, name, hue in
             (("train_loss", "training", IMAGE), ("val_loss", "validation", WRONG))]
    ax = _loss_axes(figure, unit := lines[0][2], top=0.82)
    figure.text(0.0133, 0.955, title, fontsize=fitted(title, 876, 11, "bold"), family=FONT, color=TEXT, weight="bold",
                va="center_baseline", parse_math=False)
    drawn = [line for line in lines if len(line[0])]
    ends = [f"{name} loss: {y[0]:.2f} at first, {y[-1]:.2f} at last" for _, y, _, name, _ in drawn]
    figure.alt = ". ".join([title, *(ends or ["no losses yet"])])
    if not drawn:
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        ax.text(0.5, 0.5, "no losses yet", ha="center", va="center", color=TEXT, fontsize=10.5, family=FONT)
        return figure

    for x, y, _, _, hue in drawn:
        ax.plot(x, y, color=hue.line, linewidth=2, marker="o" if len(x) <= 30 else "", markersize=4, clip_on=False)
    first, last = min(x[0] for x, *_ in drawn), max(x[-1] for x, *_ in drawn)
    ax.set_xlim((0, last or 1) if first == last else (first - (last - first) / 30, last))
    ax.set_ylim(ax.get_ylim())      # fixes the limits, which the places of labels depend on
    _label_ends(figure, ax, [((x[-1], y[-1]), f"{name} {y[-1]:.2f}", hue) for x, y, _, name, hue in drawn])
    x, y, *_ = lines[1]
    if len(x):
        best = int(y.argmin())
        _mark_best(ax, x[best], y[best], f"best validation loss {y[best]:.2f}, {unit} {x[best]:g}")
    return figure
