"""The defenses of the thesis: names, sources, and where this code leaves them."""

from __future__ import annotations

from advbench import DefenseSpec, Modality, Paper

_IMAGE = frozenset({Modality.IMAGE})
_NUMBERS = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
_TRAINING = (
    "network, optimiser, epochs and weight decay are the model's own (mlp's sensitivity term is not), so that its twin"
    " differs in little but the defense"
)
_VOTES = "votes=V of a model are trained as one network, on the loss of their mean probability"

_DISTILLATION = DefenseSpec(
    name="distillation",
    summary="defensive distillation: a network taught by the softened answers of its like",
    modalities=_NUMBERS,
    base="architecture",
    trials=("temperature=20", "temperature=5,epochs=8"),
    paper=Paper(
        title="Distillation as a defense to adversarial perturbations against deep neural networks",
        year=2016,
        url="https://arxiv.org/abs/1511.04508",
        deviations=(
            "it masks gradients: at T = 1 the probabilities of a student of T = 100 are 0 or 1 in float32 and their"
            " cross-entropy is flat; scores here are its logits, exact gradients included, as Carlini and Wagner"
            " (2017) attack it, so attacks on margins are not hindered and those on ce may be blind",
            _TRAINING,
            _VOTES,
            "paper: SGD .1 with momentum .5, batch 128, 50 epochs on MNIST; cw-cnn brings the thesis' SGD .01, 50"
            " epochs",
            "released code of the attacks starts teacher and student from one network after an epoch on labels; here"
            " each has a start of its own",
            "the loss is not multiplied by T^2, as in the paper: plain SGD makes steps T times shorter, Adam does not",
        ),
    ),
)

_SQUEEZING = DefenseSpec(
    name="feature-squeezing",
    summary="rejects a picture whose answer changes too much once it is rounded or smoothed",
    modalities=_IMAGE,
    base="trained",
    trials=("", "bits=3,median=3,strength=20,search=5,fpr=.1"),
    paper=Paper(
        title="Feature squeezing: detecting adversarial examples in deep neural networks",
        year=2018,
        url="https://arxiv.org/abs/1704.01155",
        deviations=(
            "thresholds printed (.0029 MNIST, 1.1402 CIFAR-10, 1.2128 ImageNet) are of the authors' models; here each"
            " model's own, exceeded by at most fpr of the tune split",
            "default: the squeezers of MNIST; CIFAR-10 is bits=5,median=2,strength=2",
            "non-local means: distances over all channels as they are; the released code's OpenCV turns colours to"
            " CIELAB first and tables its weights",
            "scores stay the model's where it abstains, so an attacker sees more than the detector would tell; whether"
            " it abstains is in the label alone",
            "gradients: the model's, blind to the detector, and surrogate/joint, that of the mean log-probability over"
            " the input and its squeezed versions; the paper has none, nor an attacker who knows the detector",
            "thesis, tables 11 and 12: made on the unguarded model and handed to the detector, a transfer",
        ),
    ),
)

_ADVERSARIAL = DefenseSpec(
    name="adversarial-training",
    summary="a network that learns from attacks on itself: PGD after Madry et al., or mixes with FGSM and others",
    modalities=_NUMBERS,
    base="architecture",
    trials=(
        "eps=.2,attack.steps=3,epochs=8", "attack=fgsm,attack.returns=last,eps=.3,share=.5,epochs=8",
        "attack=ifgsm,attack.returns=last,attack.steps=3,norm=l2,eps=.5,share=.5,epochs=8",
    ),
    paper=Paper(
        title="Towards deep learning models resistant to adversarial attacks",
        year=2018,
        url="https://arxiv.org/abs/1706.06083",
        deviations=(
            _TRAINING + "; madry-cnn is the paper's on MNIST",
            "default: 10 steps of eps / 4; paper: 40 of .01 at eps .3 (MNIST), 7 of 2/255 at 8/255 (CIFAR-10); thesis,"
            " table 9: attack.steps=40 and steps of eps / 20",
            "for two classes PGD ascends the margin instead of the cross-entropy: attack.loss=ce is the paper",
            "attacks look at the network in evaluation mode; the released code of CIFAR-10 in training mode",
            "the loss of true labels is attacked, so FGSM leaks labels (Kurakin et al. 2017)",
            _VOTES,
            "thesis, table 7 (EAD and C&W examples added to the training set once): adversarial-augmentation",
        ),
    ),
)  # fmt: skip

_ENSEMBLE = DefenseSpec(
    name="ensemble-adversarial-training",
    summary="a network that learns from attacks on other networks of its kind, and on itself",
    modalities=_NUMBERS,
    base="architecture",
    trials=(
        "networks=2,eps=.2,epochs=8",
        "networks=1,attack=pgd,attack.steps=3,attack.restarts=1,attack.returns=last,norm=l2,eps=.5,epochs=8",
    ),
    paper=Paper(
        title="Ensemble adversarial training: attacks and defenses",
        year=2018,
        url="https://arxiv.org/abs/1705.07204",
        deviations=(
            "paper: the other networks have other architectures; here they are the model's own, from other starts",
            "paper: whose attack a batch meets goes in turn; here by lot",
            "paper: eps drawn anew from a truncated normal on ImageNet; here fixed",
            _TRAINING + "; the paper trains the defended network longer: epochs",
            "the thesis attacks ImageNet networks that others trained so; they come by torchscript: or onnx:",
            _VOTES,
        ),
    ),
)

_AUGMENTATION = DefenseSpec(
    name="adversarial-augmentation",
    summary="a network trained again with adversarial examples, as C&W's and EAD's, made once and added",
    modalities=_NUMBERS,
    base="architecture",
    trials=(
        "images=12,attack.steps=20,attack.searches=3",
        "images=8,attack=ifgsm,norm=linf,other=cw,other_norm=l2,other.steps=20,other.searches=3",
    ),
    paper=Paper(
        title="ZOO: a black-box, EAD: an elastic-net attack (thesis), section 4.3.5 and table 7",
        year=2018,
        url="https://arxiv.org/abs/1709.04114",
        deviations=(
            "thesis: 1000 pictures of MNIST, C&W (L2) and EAD (L1 rule), one or both, the best of a search as each"
            " attack returns it; EAD is attack=ead of its own distribution",
            "thesis: all attacks succeed; here what does not reach its class is left out",
            "the thesis does not say how the network is trained again: here as before, from another start",
        ),
    ),
)

DEFENSES = (
    (_ADVERSARIAL, "adversarial_training:AdversarialTraining"),
    (_AUGMENTATION, "augmentation:AdversarialAugmentation"),
    (_ENSEMBLE, "ensemble_adversarial:EnsembleAdversarialTraining"),
    (_DISTILLATION, "distillation:Distillation"),
    (_SQUEEZING, "feature_squeezing:FeatureSqueezing"),
)
