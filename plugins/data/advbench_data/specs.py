"""One line of facts for each set, and where its class is; reading this imports no data and no torch."""

from __future__ import annotations

from advbench import DatasetSpec, Modality, Paper

_IMAGE, _SERIES, _TABLE, _TEXT = Modality.IMAGE, Modality.SERIES, Modality.TABULAR, Modality.TEXT
_ROWS: tuple[tuple[str, str, Modality, str, str, tuple[str, int, str] | None], ...] = (
    # name, class, modality, what it is, license, (paper, year, address)
    (
        "mnist", "mnist:Mnist", _IMAGE, "70,000 handwritten digits, 28x28 grey levels", "CC BY-SA 3.0",
        ("Gradient-based learning applied to document recognition", 1998, "https://doi.org/10.1109/5.726791"),
    ),
    (
        "fashion-mnist", "mnist:FashionMnist", _IMAGE, "70,000 pieces of clothing, 28x28 grey levels", "MIT",
        ("Fashion-MNIST: a novel image dataset", 2017, "https://arxiv.org/abs/1708.07747"),
    ),
    (
        "cifar10", "cifar:Cifar10", _IMAGE, "60,000 colour photographs of ten kinds, 32x32", "none stated",
        ("Learning multiple layers of features from tiny images", 2009, "https://www.cs.toronto.edu/~kriz/cifar.html"),
    ),
    (
        "gtsrb", "photos:Gtsrb", _IMAGE, "51,839 German traffic signs; classes=3/8 are limits of 60 and 120",
        "free for research", ("Man vs. computer", 2012, "https://doi.org/10.1016/j.neunet.2012.02.016"),
    ),
    (
        "celeba", "photos:CelebA", _IMAGE, "faces with one of two attributes, as black and brown hair", "research only",
        ("Deep learning face attributes in the wild", 2015, "https://arxiv.org/abs/1411.7766"),
    ),
    (
        "imagenet", "photos:ImageNet", _IMAGE, "photographs of the synsets named, 224x224", "research only",
        ("ImageNet large scale visual recognition challenge", 2015, "https://arxiv.org/abs/1409.0575"),
    ),
    (
        "tiny-imagenet", "photos:TinyImageNet", _IMAGE, "110,000 photographs of 200 kinds, 64x64", "research only",
        ("Tiny ImageNet visual recognition challenge", 2015, "http://cs231n.stanford.edu/reports/2015/pdfs/yle_project.pdf"),
    ),
    (
        "chest-xray", "medical:ChestXray", _IMAGE, "5,863 X-rays of children: normal or pneumonia", "CC BY 4.0",
        ("Identifying medical diagnoses by image-based deep learning", 2018, "https://doi.org/10.1016/j.cell.2018.02.010"),
    ),
    (
        "colorectal-histology", "medical:ColorectalHistology", _IMAGE, "5,000 tiles of eight tissues", "CC BY 4.0",
        ("Multi-class texture analysis in colorectal cancer histology", 2016, "https://doi.org/10.1038/srep27988"),
    ),
    (
        "brats18", "medical:Brats18", _IMAGE, "slices of brain scans with and without tumour", "by registration",
        ("The multimodal brain tumor image segmentation benchmark", 2015, "https://doi.org/10.1109/TMI.2014.2377694"),
    ),
    (
        "ucr", "ucr:Ucr", _SERIES, "any time series set of the UCR archive, as ucr:ECG200", "none stated",
        ("The UCR time series archive", 2019, "https://arxiv.org/abs/1810.07758"),
    ),
    (
        "ptb-ecg", "heart:PtbEcg", _SERIES, "14,552 heart beats of 187 samples: normal or not", "ODC-By 1.0",
        ("ECG heartbeat classification", 2018, "https://arxiv.org/abs/1805.00794"),
    ),
    (
        "adult", "tabular:Adult", _TABLE, "45,222 people of 1994: do they earn above 50,000 dollars?", "CC BY 4.0",
        ("Adult", 1996, "https://doi.org/10.24432/C5XW20"),
    ),
    (
        "credit", "tabular:Credit", _TABLE, "30,000 card holders: will they default?", "CC BY 4.0",
        ("Default of credit card clients", 2009, "https://doi.org/10.24432/C55S3H"),
    ),
    (
        "german", "tabular:German", _TABLE, "1,000 applicants: is the credit good?", "CC BY 4.0",
        ("Statlog (German credit data)", 1994, "https://doi.org/10.24432/C5NC77"),
    ),
    (
        "mr", "text:MovieReviews", _TEXT, "sentences of film reviews, negative or positive", "none stated",
        ("Seeing stars", 2005, "https://arxiv.org/abs/cs/0506075"),
    ),
    (
        "imdb", "text:Imdb", _TEXT, "film reviews, negative or positive", "none stated",
        ("Learning word vectors for sentiment analysis", 2011, "https://aclanthology.org/P11-1015"),
    ),
    (
        "yelp", "text:Yelp", _TEXT, "598,000 reviews of businesses, negative or positive", "Yelp terms",
        ("Character-level convolutional networks for text classification", 2015, "https://arxiv.org/abs/1509.01626"),
    ),
    (
        "ag-news", "text:AgNews", _TEXT, "127,600 news of four kinds", "research only",
        ("Character-level convolutional networks for text classification", 2015, "https://arxiv.org/abs/1509.01626"),
    ),
    ("image-folder", "own:ImageFolder", _IMAGE, "your pictures, in a folder for each class", "your own", None),
    ("npz", "own:Npz", _IMAGE, "your pictures, as arrays x and y", "your own", None),
    ("npz-series", "own:NpzSeries", _SERIES, "your time series, as arrays x and y", "your own", None),
    ("csv", "own:Csv", _TABLE, "your table, or with text= your texts: CSV, tabs, JSON lines", "your own", None),
    ("parquet", "own:Parquet", _TABLE, "your table", "your own", None),
)  # fmt: skip

SPECS = tuple(
    (
        DatasetSpec(
            name=name,
            summary=summary,
            modality=modality,
            license=terms,
            paper=None if paper is None else Paper(title=paper[0], year=paper[1], url=paper[2]),
        ),
        f"advbench_data.{target}",
    )
    for name, target, modality, summary, terms, paper in _ROWS
)
