"""The networks: names, sources, and where this code leaves them."""

from __future__ import annotations

from advbench import Modality, ModelSpec, Paper

_IMAGE = frozenset({Modality.IMAGE})
_NUMBERS = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})
_SCD_TRAINING = (
    "training as in the SCD papers: Adam 1e-3, batch 64, 100 epochs; they vote by {votes}, by default one network here"
)

_LENET = ModelSpec(
    name="lenet",
    summary="LeNet-5 with ReLU and max-pooling",
    modalities=_IMAGE,
    trials=("epochs=4,learning_rate=.005", "votes=3,epochs=4,learning_rate=.005"),
    paper=Paper(
        title="Gradient-based learning applied to document recognition",
        year=1998,
        url="https://doi.org/10.1109/5.726791",
        deviations=(
            "paper: tanh units, trained subsampling, partial connections and RBF outputs; here ReLU, max-pooling, full"
            " connections and logits, as in later LeNets",
            _SCD_TRAINING.format(votes=100),
        ),
    ),
)


def _resnet(layers: int, votes: int) -> ModelSpec:
    return ModelSpec(
        name=f"resnet{layers}",
        summary=f"residual network of {layers} layers, with a stem for small pictures or for large ones",
        modalities=_IMAGE,
        trials=(f"width=4,epochs={8 if layers == 50 else 4},learning_rate=.01",)
        + (("width=4,epochs=3,learning_rate=.01,stem=imagenet,augment=crop,head=16",) if layers == 18 else ()),
        paper=Paper(
            title="Deep residual learning for image recognition",
            year=2016,
            url="https://arxiv.org/abs/1512.03385",
            deviations=(
                "paper, CIFAR-10: 6n+2 layers of 16 to 64 channels; here, as in the papers compared with, the ImageNet"
                " layout, whose stem is one 3x3 convolution for pictures of up to 64 pixels",
                "paper: SGD .1 with momentum; " + _SCD_TRAINING.format(votes=votes),
                "noise optimisation puts dense layers before the last: head=256/128 (CIFAR-10, 18 layers; its released"
                " code 512/256/128), head=1024/512/256 (Tiny-ImageNet, 34 layers)",
                "noise optimisation, CIFAR-10: Adam 1e-3, epochs=50,batch=128,weight_decay=1e-4,augment=crop-flip;"
                " cropping fills with the edge where theirs fills with zeros",
            ),
        ),
    )


_CW = ModelSpec(
    name="cw-cnn",
    summary="the MNIST and CIFAR networks of Carlini and Wagner, which the thesis attacks",
    modalities=_IMAGE,
    trials=("epochs=6,batch=32,learning_rate=.03", "layout=cifar,epochs=4,batch=32,learning_rate=.03,dropout=.2"),
    paper=Paper(
        title="Towards evaluating the robustness of neural networks",
        year=2017,
        url="https://arxiv.org/abs/1608.04644",
        deviations=(
            "paper: learning rate .1 for MNIST and .01, halved every 10 epochs, for CIFAR; released code and here: .01",
            "released code multiplies the rate by 1/(1 + 1e-6 step); here it does not",
            "paper: momentum of the CIFAR network decays too; here it stays .9",
            "pictures under 28 pixels are padded by 1 at every convolution; the paper has none",
        ),
    ),
)

_MADRY = ModelSpec(
    name="madry-cnn",
    summary="the MNIST network of Madry et al., of the thesis' table 9, trained on clean pictures",
    modalities=_IMAGE,
    trials=("epochs=3,learning_rate=.001,dense=64",),
    paper=Paper(
        title="Towards deep learning models resistant to adversarial attacks",
        year=2018,
        url="https://arxiv.org/abs/1706.06083",
        deviations=(
            "paper: 100,000 steps of batch 50 whatever the data; here 83 epochs, as many steps on 60,000 examples",
            "released code starts from truncated normals of .1 and biases of .1; here U(+-1/sqrt(fan in))",
        ),
    ),
)

_DENSENET = ModelSpec(
    name="densenet",
    summary="densely connected network of 40 layers, of the thesis' table 12",
    modalities=_IMAGE,
    trials=("depth=7,growth=4,epochs=4,learning_rate=.05",),
    paper=Paper(
        title="Densely connected convolutional networks",
        year=2017,
        url="https://arxiv.org/abs/1608.06993",
        deviations=(
            "paper: mirrored and shifted pictures for CIFAR-10+; here on request: augment=crop-flip",
            "paper: dropout .2 without augmentation; here none",
        ),
    ),
)

_NOISE = ModelSpec(
    name="noise-cnn",
    summary="the MNIST network of noise optimisation, without its noise",
    modalities=_IMAGE,
    trials=("epochs=3,learning_rate=.003",),
    paper=Paper(
        title="Noise optimization for artificial neural networks",
        year=2021,
        url="https://arxiv.org/abs/2102.04450",
        deviations=(
            "padding and pooling are not printed; here convolutions keep the size and each is followed by pooling",
            "released code declares 1152 inputs of the dense layers where its own layers give 3136, and cannot run",
            "batch not printed for MNIST; here 128, that of CIFAR-10",
        ),
    ),
)

_CNN1D = ModelSpec(
    name="cnn1d",
    summary="convolutions along time, the ECG network of the SCD paper",
    modalities=frozenset({Modality.SERIES}),
    trials=(
        "channels=8/8/8,dense=16,epochs=4,learning_rate=.01",
        "channels=4/6,dense=8,votes=3,epochs=8,learning_rate=.01,vote=soft",
    ),
    paper=Paper(
        title="Defending against black-box adversarial attacks with gradient-free trained sign activation"
        " neural networks",
        year=2021,
        url="https://openreview.net/forum?id=N07ebsD-lHp",
        deviations=(
            "section 3.5 prints neither padding, activation, width of the dense layer nor training; here: length kept,"
            " ReLU, 128, and the training of the other networks: Adam 1e-3, batch 64, 100 epochs",
            "the paper votes by 10, by default one network here",
        ),
    ),
)

_BNN = ModelSpec(
    name="bnn",
    summary="binary network: weights and hidden activations of +1 and -1, trained through approximate slopes",
    modalities=_NUMBERS,
    trials=(
        "epochs=20,learning_rate=.01", "votes=5,epochs=12,learning_rate=.01,estimator=ste",
        "votes=3,vote=soft,epochs=12,learning_rate=.01,estimator=swish-sign",
    ),
    paper=Paper(
        title="Binarized neural networks: training deep neural networks with weights and activations constrained to"
        " +1 or -1",
        year=2016,
        url="https://arxiv.org/abs/1602.02830",
        deviations=(
            "layout, clipping and training of the SCD paper's baseline: 20 units, batch normalisation without scale, no"
            " biases, Adam 1e-3, batch 64, 100 epochs; it votes by 100, by default one network here",
            "the SCD paper says approx-sign, its released script ste; here approx-sign, the other on request",
            "weights always pass slopes straight through; the estimator is that of the hidden signs",
            "released code takes inputs as they are (pixels over 255); here all but pictures are centred one by one and"
            " divided by one spread of the training split: uncentred, it learnt nothing from means of 230 word vectors",
        ),
    ),
    revision=2,
)  # fmt: skip

NETWORKS = (
    (_LENET, "lenet:LeNet"),
    (_resnet(18, 1), "resnet:ResNet18"),
    (_resnet(34, 1), "resnet:ResNet34"),
    (_resnet(50, 10), "resnet:ResNet50"),
    (_CW, "convnets:CarliniWagnerCnn"),
    (_MADRY, "convnets:MadryCnn"),
    (_NOISE, "convnets:NoiseCnn"),
    (_DENSENET, "densenet:DenseNet"),
    (_CNN1D, "cnn1d:Cnn1d"),
    (_BNN, "bnn:Bnn"),
)
