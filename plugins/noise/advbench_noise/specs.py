"""What is registered: name, source, and where this code leaves it."""

from __future__ import annotations

from advbench import DefenseSpec, Modality, Paper

_DEVIATIONS = (
    "sigma's sign. Paper: sigma <- |sigma| after each step (default). Released: |sigma| forwards, but backwards as"
    " if it were sigma, and no reflection, so that what starts negative is driven the wrong way: sign=released",
    "sigma at the start is not printed. Released and here: N(0, 1) per neuron, Xavier's normal per element of a"
    " convolution; with the paper's reflection their absolute values",
    "granularity: per neuron, and per element (C, H, W) in convolutions, as both have it; the released trainable"
    " mean per element (dropped when answering) is shift=true, kept when answering",
    "eq. 7 prints sqrt(v + 1e-8), Adam is sqrt(v) + 1e-8: epsilon=printed or outside (default, as released)",
    "weight decay of sigma is not printed; released: that of the weights, in one group; here none: sigma_decay",
    "released code divides the noise by sigma for its slope, 0/0 at sigma = 0; here delta x eps (Theorem 1)",
    "noise when answering is not printed. Released: on for MNIST's optimised networks (one draw), off for '+'"
    " networks and by default for residual ones; here one draw for all: test=off, mean:M, fixed",
    "placement as released: fully connected layers with their logits; after each convolution before ReLU and"
    " pooling; in residual networks after the stem's normalisation and on each block's sum (paper: last convolution"
    " of each block). The released '+' residual networks have none on the logits: logits=false",
    "released noisy layers start from Xavier's normal with biases N(0, 1), baselines from torch's default, and"
    " blocks are LeakyReLU in one and ReLU in the other; here start and activations are the model's own for all",
    "training: the model's own, or table 1 by preset. MNIST, paper: 30 epochs, split 5:1:1; released: 10 epochs,"
    " ended once TEST accuracy exceeds .97; preset=mnist: 30 epochs, the data set's own splits, no look at test data",
    "preset=cifar10 crops with black margins and mirrors as released; inputs scaled by their bounds, not by channel"
    " means",
    "preset=tiny-imagenet as printed; in the released code its schedule is never imported and raises NameError",
    "models with schedule=cosine or optimizer=sgd are trained so: momentum .9 without Nesterov's step",
    "MNIST CNNs of the released code cannot run (1152 inputs declared where 3136 come; a third convolution called"
    " that is not there); noise-cnn follows the text",
    "the released sigmoid MLPN uses the layer whose noise is not learnt, so that table 3's row cannot come from it",
    "residual heads: paper 256-128-10, released 512-256-128-10, Tiny-ImageNet 1024-512-256-200: resnet18:head=256/128",
    "black-box source for CIFAR-10: paper the plain ResNet18, released the one with three dense layers: resnet18",
    "released CIFAR attacks and corruptions clip normalised pixels to [0, 1], which wrecks every picture; here"
    " attacks see raw inputs and scaling is part of the network, so tables 5 and 6 are not comparable",
    "released black-box tests leave networks in training mode (batch statistics, noise on), white-box tests do not;"
    " here always evaluation mode",
    "released glass blur swaps one pixel per batch and smooths across examples and channels; not repeated here",
    "released PGD on CIFAR-10 takes 10 steps in one script and 5 in another; paper 5; no random start in either",
    "section 4.2 quotes .957 for the CNN's clean accuracy; table 3 has it for the sigmoid MLPN",
)

SPEC = DefenseSpec(
    name="noise",
    summary="networks whose neurons carry Gaussian noise, its strength learnt with the weights",
    modalities=frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES}),
    base="architecture",
    revision=2,
    trials=(
        "epochs=12", "where=all,sign=released,shift=true,test=mean:3,epsilon=printed,sigma_decay=.0001,epochs=8",
        "learn=false,sigma=.3,logits=false,test=fixed,epochs=8",
    ),
    paper=Paper(
        title="Noise optimization for artificial neural networks",
        year=2021,
        url="https://arxiv.org/abs/2102.04450",
        deviations=_DEVIATIONS,
    ),
)  # fmt: skip
