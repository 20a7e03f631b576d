"""English words that carry grammar rather than content, by class; they are never replaced."""

from __future__ import annotations

_CLASSES = {
    "articles and determiners": "a an the this that these those each every either neither another any some all both"
    " half such no what which whose whichever whatever enough much many more most several few fewer less least own"
    " other others same",
    "pronouns": "i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she"
    " her hers herself it its itself they them their theirs themselves one oneself who whom whoever whomever someone"
    " somebody something anyone anybody anything everyone everybody everything none nobody nothing nought",
    "auxiliary verbs": "am is are was were be been being have has had having do does did doing done can could may might"
    " must shall should will would ought need dare used cannot",
    "auxiliaries with not, and shortened": "ain't aren't can't couldn't daren't didn't doesn't don't hadn't hasn't"
    " haven't isn't mayn't mightn't mustn't needn't oughtn't shan't shouldn't wasn't weren't won't wouldn't i'm i've"
    " i'd i'll you're you've you'd you'll he's he'd he'll she's she'd she'll it's it'd it'll we're we've we'd we'll"
    " they're they've they'd they'll that's that'd that'll there's there'd there'll here's what's who's who'd who'll"
    " where's when's why's how's let's s t d m o y ll re ve ain aren couldn didn doesn don hadn hasn haven isn ma"
    " mightn mustn needn shan shouldn wasn weren won wouldn",
    "prepositions": "about above across after against along alongside amid amidst among amongst around as at atop"
    " before behind below beneath beside besides between beyond by concerning despite down during except excepting"
    " excluding following for from in inside into like near of off on onto opposite out outside over past per"
    " regarding since than through throughout till to toward towards under underneath unlike until up upon via with"
    " within without",
    "conjunctions": "and but or nor so yet because although though if unless whereas whether while whilst lest provided"
    " once then thus hence therefore however moreover otherwise nevertheless nonetheless whenever wherever",
    "particles and adverbs of place, time and degree": "not never ever again further here there where when why how now"
    " just only too very quite rather almost even still also already always often sometimes somewhere anywhere"
    " everywhere nowhere somehow anyhow anyway maybe perhaps indeed instead elsewhere hereby herein thereby therein"
    " thereafter thereupon hereafter whereby wherein whereafter whereupon whence hither thither",
}
STOP_WORDS = frozenset(word for words in _CLASSES.values() for word in words.split())
