"""`python -m modality_translate` is `mtranslate`."""

from modality_translate.cli.main import main

if __name__ == "__main__":
    main()
