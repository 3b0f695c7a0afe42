"""JupyterLab as the browser tests need it; everything else is as it comes."""

c = get_config()  # noqa: F821 - Jupyter provides it

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 0  # any free one
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True  # as in a container
c.IdentityProvider.token = ""  # on loopback only, while the tests run
c.LabApp.expose_app_in_browser = True  # window.jupyterapp, to ask which plugins are active
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
