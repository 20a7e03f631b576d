"""The defense and the contender that it makes."""

from dataclasses import dataclass, replace

from torch import Tensor

from advbench import Bounds, ChunkLoss, Contender, ContenderFacts, Draws, Job, Model, State, param


class BitDepthContender:
    """Rounds its input, then answers as `base` does.

    Rounding has no useful gradient. The surrogate is the base alone, at the input as it came:
    loss and gradient from one smooth function. Success is judged on the real answers.
    """

    def __init__(self, base: Contender, facts: ContenderFacts, bounds: Bounds, levels: int) -> None:
        self.base, self.facts, self.bounds, self.levels = base, facts, bounds, levels

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        return self.base.labels(self._rounded(x), noise=noise)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """The base's, float32 (N, K)."""
        return self.base.scores(self._rounded(x), noise=noise)

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """The base's, without rounding."""
        return self.base.value_and_grad(x, loss, gradient=self.base.facts.gradients[0], noise=noise)

    def state(self) -> State:
        """All that was learnt is the base's."""
        return self.base.state()

    def _rounded(self, x: Tensor) -> Tensor:
        low, width, steps = self.bounds.low, self.bounds.width, self.levels - 1
        return ((x - low) / width * steps).round() / steps * width + low


@dataclass(frozen=True)
class BitDepth:
    """Rounding to 2^bits levels over the data set's bounds."""

    bits: int = param(1, ge=1, le=8, paper="1 for MNIST, 5 for CIFAR-10 and ImageNet", help="bits kept per number")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        assert base is not None  # the spec says base="trained"
        return replace(base, gradients=("surrogate",) if base.gradients else ())

    def protect(self, base: Contender, job: Job) -> BitDepthContender:
        assert job.facts.bounds is not None  # images have bounds
        return BitDepthContender(base, self.facts(base.facts), job.facts.bounds, 2**self.bits)

    def restore(self, base: Model, state: State, job: Job) -> BitDepthContender:
        return self.protect(base.restore(state, job), job)
