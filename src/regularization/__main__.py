"""Say what this is: `python -m regularization`."""

if __name__ == "__main__":
    print("""\
Seeing Regularization: one layer on MNIST, regularized in twenty ways, to look at its weights.
To train one: tuning.trained("l2", data.load(), "quick"), of regularization.study and .core.
The book, with what each way did, is built in its repository: make book.""")
