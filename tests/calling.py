"""How tests call a command in their own process."""


def call(main, capsys, *arguments):
    """Exit code, output and error of a command's `main`."""
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()
