"""Claims in a shared folder: a task has one worker, lost work goes on, and one result counts."""

import errno
import os
import threading
import time

import pytest

from jaxmlp.errors import InputError
from jaxmlp.sweep import claims
from jaxmlp.sweep.claims import Worker, list_names


@pytest.fixture
def hearts_stand_still(monkeypatch):
    """No heart beats by itself: all workers seem lost after their time."""
    monkeypatch.setattr(claims, "BEAT", 1000)


def test_of_many_workers_one_has_each_task(tmp_path):
    """Eight at once, twenty tasks in groups of four: every task is claimed, and by one alone."""
    groups = [[f"task-{4 * g + i}" for i in range(4)] for g in range(5)]
    start, had = threading.Barrier(8), []

    def claim_all():
        with Worker(tmp_path, 60).at_work() as worker:
            start.wait()
            for _ in range(8):
                had.extend(worker.claim_first(groups))
            start.wait()

    threads = [threading.Thread(target=claim_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(had) == sorted(task for group in groups for task in group)


def test_a_group_that_another_has_is_left_out(tmp_path):
    with Worker(tmp_path, 60).at_work() as one, Worker(tmp_path, 60).at_work() as two:
        assert one.claim_first([["a", "b"], ["c", "d"]]) == ["a", "b"]
        assert two.claim_first([["a", "b"], ["c", "d"]]) == ["c", "d"]
        assert two.claim_first([["a", "b"], ["c", "d"]]) == []


def test_a_heart_that_stands_still_loses_its_claims(tmp_path, hearts_stand_still):
    """Judged by the reader's own clock: two of them notice, and one of the two gets the task."""
    with Worker(tmp_path, 60).at_work() as lost:
        assert lost.claim("a")
        with Worker(tmp_path, 0.2).at_work() as one, Worker(tmp_path, 0.2).at_work() as two:
            assert not one.claim("a")
            assert not two.claim("a")
            time.sleep(0.3)
            assert one.claim("a")
            assert not two.claim("a")  # it begins to listen to the new owner
        assert lost.publish("a.json", "of the lost one")  # it was only slow, and is first
        assert not one.publish("a.json", "of the other")
    assert (tmp_path / "a.json").read_text() == "of the lost one"


def test_a_heart_that_beats_keeps_its_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.02)
    with Worker(tmp_path, 60).at_work() as slow, Worker(tmp_path, 0.5).at_work() as other:
        assert slow.claim("a")
        for _ in range(8):
            assert not other.claim("a")
            time.sleep(0.1)


def test_claims_are_given_back_at_once(tmp_path):
    with Worker(tmp_path, 60).at_work() as other:
        with Worker(tmp_path, 60).at_work() as worker:
            assert worker.claim("a")
            assert not other.claim("a")
            worker.end_shift()
            assert other.claim("a")
            assert worker.claim("b")
        assert other.claim("b")


def test_one_result_counts_and_no_half_file_is_left(tmp_path):
    with Worker(tmp_path, 60).at_work() as one, Worker(tmp_path, 60).at_work() as two:
        assert one.publish("run-1.json", "first")
        assert not two.publish("run-1.json", "second")
        assert (tmp_path / "run-1.json").read_text() == "first"
        assert len(list_names(tmp_path)) == 3  # this and two hearts


def test_an_answer_that_the_network_lost(tmp_path, monkeypatch):
    """The server has made the link; the system asked again and heard that the name exists."""
    link = os.link

    def heard_twice(own, name):
        link(own, name)
        raise FileExistsError

    with Worker(tmp_path, 60).at_work() as worker, Worker(tmp_path, 60).at_work() as other:
        with monkeypatch.context() as patch:
            patch.setattr(os, "link", heard_twice)
            assert worker.claim("a")
        assert not other.claim("a")


def test_a_file_system_without_links_is_said(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    with Worker(tmp_path, 60).at_work() as worker:
        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(InputError, match="cannot be shared: its file system has no hard links"):
            worker.claim("a")


def test_a_worker_whose_heart_cannot_beat_stops(tmp_path, monkeypatch):
    """A full disk in the thread of the heartbeat is an error of the worker."""
    monkeypatch.setattr(claims, "BEAT", 0.02)
    with Worker(tmp_path, 60).at_work() as worker:
        worker.check()
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", _full)
            time.sleep(0.3)
        with pytest.raises(OSError, match="No space left"):
            worker.claim("a")


def _full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_is_gone_ends_the_work(tmp_path):
    folder = tmp_path / "workers"
    folder.mkdir()
    with Worker(folder, 60).at_work() as worker:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        assert not worker.claim("a")
        assert not worker.publish("run-1.json", "late")
        assert worker.gone
    assert not folder.exists()
