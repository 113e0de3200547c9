"""Systems that say what they are told to, for the server's tests."""

from acclimate.core.model import Completion, Model
from acclimate.core.prompt import Passage


class Says(Model):
    """Answers everything with its own words; several prompts at once with a number behind."""

    def __init__(self, text, *titles):
        self.text = text
        self.passages = tuple(Passage(f"{title}.md", title, f"Of {title}.") for title in titles)
        self.asked = []

    def generate(self, prompts, sampling):
        self.asked += [(prompt, sampling) for prompt in prompts]
        ends = [""] if len(prompts) == 1 else [f" {n // 2}" for n in range(len(prompts))]
        return [Completion(self.text + end, passages=self.passages) for end in ends]

    def loglikelihood(self, pairs):
        raise NotImplementedError
