"""`python -m likelihead` is the console script `likelihead`."""

from likelihead.commands import main

if __name__ == "__main__":
    main()
