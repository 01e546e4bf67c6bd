"""What the decoder of OpenEXR prints goes nowhere, and costs no other thread its lines."""

import threading

from i2i.images.codecs.exr import not_from_here


def test_other_threads_print_while_one_is_silenced(capsys):
    with not_from_here():
        print("a warning of the decoder")
        other = threading.Thread(target=print, args=("written: a.png",))
        other.start()
        other.join()
    print("done")
    assert capsys.readouterr().out == "written: a.png\ndone\n"
