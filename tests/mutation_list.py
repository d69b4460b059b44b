"""What `mutations` makes wrong, one at a time: each must turn some test red.

One long list, so that it is read in one place: labels, outputs, stream, beats, detector, scores, service. Who
changes one of these lines puts the new text in here; who adds a rule adds a mutation that takes it away.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """One thing made wrong.

    Attributes
    ----------
    name
        What is wrong then, in a few words.
    file
        Where, from the root of the repository.
    old, new
        A text that stands there exactly once, and what it is replaced with.
    tests
        What is given to pytest: files, or tests in them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Give the text of the file with the mutation.

        Raises
        ------
        LookupError
            If the old text does not stand there exactly once.
        """
        times = text.count(self.old)
        if times != 1:
            raise LookupError(f"{self.name}: the text to replace stands {times} times in {self.file}, not once")
        return text.replace(self.old, self.new)


GOLDEN = "tests/labels/test_golden.py"
NAMES = "tests/labels/test_names.py"
PIPELINE = "tests/stream/test_pipeline.py"
FAULTS = "tests/stream/test_stream_faults.py"
RULES = "tests/stream/qrs/test_rules.py"
WINDOWS = "tests/stream/beats/test_windows.py"
INTERVALS = "tests/stream/beats/test_intervals.py"
TRAINING = "tests/offline/test_beat_training.py"
EC57 = "tests/offline/test_ec57.py"
TURNS = "tests/stream/service/test_open_turn.py"
CORE = "tests/stream/service/test_core.py"

LABELS = (
    Mutation(
        "S and V of the network swapped",
        "stream/beats/classifier.py",
        "weighed = checked(output, len(x), len(CLASSES), self.name)[:n] * self._multipliers",
        "weighed = checked(output, len(x), len(CLASSES), self.name)[:n, [0, 2, 1, 3, 4]] * self._multipliers",
        (GOLDEN,),
    ),
    Mutation(
        "every beat N",
        "stream/batch.py",
        "rows = zip(told.argmax(axis=1).tolist(), told.tolist(), quality.tolist(), strict=True)",
        "rows = zip([0] * len(told), told.tolist(), quality.tolist(), strict=True)",
        (GOLDEN,),
    ),
    Mutation(
        "multipliers ignored",
        "stream/beats/classifier.py",
        "[:n] * self._multipliers",
        "[:n]",
        (NAMES,),
    ),
    Mutation(
        "multipliers of S and V swapped",
        "stream/beats/classifier.py",
        "[self.card.thresholds.get(name, 1.0) for name in CLASSES]",
        '[self.card.thresholds.get(name, 1.0) for name in ("N", "V", "S", "F", "Q")]',
        (NAMES,),
    ),
    Mutation(
        "columns of the network in another order",
        "stream/beats/features.py",
        "return np.array(indices, dtype=np.int64)",
        "return np.array(sorted(indices, reverse=True), dtype=np.int64)",
        (GOLDEN,),
    ),
    Mutation(
        "a V alone is trusted as one in a run",
        "stream/beats/doubt.py",
        "level = trusted[row]",
        "level = self._trusted_in_run",
        ("tests/stream/beats/test_doubt.py",),
    ),
    Mutation(
        "no V is in a run",
        "stream/beats/doubt.py",
        "if self._lately.bit_count() >= ENOUGH:",
        "if False:",
        ("tests/stream/beats/test_doubt.py",),
    ),
    Mutation(
        "told is what the network said alone",
        "stream/batch.py",
        "rows = zip(told.argmax(axis=1).tolist(), told.tolist(), quality.tolist(), strict=True)",
        "rows = zip(told.argmax(axis=1).tolist(), probabilities.tolist(), quality.tolist(), strict=True)",
        (GOLDEN,),
    ),
    Mutation(
        "beats labelled as those of another patient",
        "stream/batch.py",
        "_labelled(each, probabilities[here], quality[here], trusted[here])",
        "_labelled(each, probabilities[: after - first], quality[here], trusted[here])",
        ("tests/stream/test_batch.py::test_many_patients_on_a_turn_are_each_as_alone",),
    ),
    Mutation(
        "labelling changes the memory it is given",
        "stream/batch.py",
        "memory = described.memory.copy()",
        "memory = described.memory",
        ("tests/stream/test_batch.py::test_label_changes_nothing_that_it_is_given",),
    ),
    Mutation("memory of kinds off", "stream/beats/kind_memory.py", "if self._share > 0.0:", "if False:", (GOLDEN,)),
    Mutation(
        "memory of kinds for F alone",
        "stream/beats/kind_memory.py",
        "        p[row, _V] *= factor\n",
        "",
        ("tests/stream/beats/test_kind_memory.py",),
    ),
    Mutation(
        "a kind begun anew keeps its past",
        "stream/beats/kind_memory.py",
        "        if kinds[row].is_new:\n",
        "        if kinds[row].is_new and merged >= 0:\n",
        ("tests/stream/beats/test_kind_memory.py",),
    ),
    Mutation(
        "kinds that become one forget",
        "stream/beats/kind_memory.py",
        "        if merged >= 0:\n",
        "        if merged >= 100:\n",
        ("tests/stream/beats/test_kind_memory.py",),
    ),
)

OUTPUTS = (
    Mutation(
        "S and V swapped in JSON",
        "stream/run/jsonl.py",
        "for name, p in zip(CLASSES, output.probabilities, strict=True)",
        'for name, p in zip("NVSFQ", output.probabilities, strict=True)',
        (NAMES,),
    ),
    Mutation(
        "S and V swapped in annotations",
        "replay/annotation_sink.py",
        "marks.labels += output.label.encode()",
        'marks.labels += output.label.translate(str.maketrans("SV", "VS")).encode()',
        (NAMES,),
    ),
    Mutation(
        "annotations a sample late",
        "replay/annotation_sink.py",
        "marks.samples.append(output.sample)",
        "marks.samples.append(output.sample + 1)",
        (NAMES,),
    ),
    Mutation(
        "annotations lose the last beat",
        "replay/annotation_sink.py",
        "marks.samples, marks.labels.decode(), rhythms",
        "marks.samples[:-1], marks.labels.decode()[:-1], rhythms",
        (NAMES,),
    ),
    Mutation(
        "S and V swapped on the monitor",
        "stream/screen/panels.py",
        "row += [_probability(beat, k) for k in range(len(CLASSES))]",
        "row += [_probability(beat, k) for k in (0, 2, 1, 3, 4)]",
        (NAMES,),
    ),
    Mutation(
        "lines have the probability of N",
        "stream/run/sinks.py",
        "probability = output.probabilities[CLASSES.index(output.label)]",
        "probability = output.probabilities[0]",
        (NAMES,),
    ),
    Mutation(
        "summary counts one class as another",
        "stream/run/summary.py",
        "self.counts[output.label] += 1",
        'self.counts["N"] += 1',
        ("tests/stream/run/test_jsonl.py",),
    ),
    Mutation(
        "beats go to the topic of events",
        "stream/service/topics.py",
        '_TOPICS = {b"beat": "beats", ',
        '_TOPICS = {b"beat": "events", ',
        ("tests/cli/test_subscribe.py::test_beats_over_the_broker_are_those_of_replay",),
    ),
    Mutation(
        "agreement takes S for V",
        "stream/screen/agreement.py",
        "k = CLASSES.index(label)",
        'k = CLASSES.index({"S": "V", "V": "S"}.get(label, label))',
        ("tests/stream/screen/test_agreement.py",),
    ),
)

STREAM = (
    Mutation(
        "a gap is not told",
        "stream/stretch.py",
        'rows.append(self._told(due, "gap", f"{missing / self.fs:.3f} s missing"))',
        "pass",
        (f"{FAULTS}::test_a_gap_is_told_and_time_goes_on",),
    ),
    Mutation(
        "an overlap is not dropped",
        "stream/stretch.py",
        "samples = samples[seen_before:]",
        "samples = samples[0:]",
        (f"{FAULTS}::test_an_overlap_is_dropped_and_told",),
    ),
    Mutation(
        "an overlap is not told",
        "stream/stretch.py",
        "            if seen_before:\n",
        "            if seen_before < 0:\n",
        (f"{FAULTS}::test_an_overlap_is_dropped_and_told",),
    ),
    Mutation(
        "another rate does not flush",
        "stream/timeline.py",
        "return [before, told_first]",
        "return [told_first]",
        (f"{FAULTS}::test_another_rate_is_told_and_starts_afresh",),
    ),
    Mutation(
        "other leads are not told",
        "stream/timeline.py",
        "outputs=[change, *after.outputs], decided=[chunk.start, *after.decided]",
        "outputs=after.outputs, decided=after.decided",
        (f"{FAULTS}::test_other_leads_are_told_and_start_afresh",),
    ),
    Mutation(
        "where a chunk starts is ignored",
        "stream/stretch.py",
        "missing = start - due",
        "missing = 0",
        (f"{FAULTS}::test_a_gap_is_told_and_time_goes_on",),
    ),
    Mutation(
        "outputs are not in the order of decision",
        "stream/stretch.py",
        "key=lambda row: (row[0], row[1], row[2].sample)",
        "key=lambda row: (row[2].sample, row[1])",
        (f"{PIPELINE}::test_what_took_long_to_be_known_comes_after_the_beats_decided_meanwhile",),
    ),
    Mutation(
        "a snapshot forgets the kinds",
        "stream/pipeline.py",
        'memory.restore(memory.schema.upgrade(state["memory"]))',
        'memory.schema.upgrade(state["memory"])',
        (f"{PIPELINE}::test_laws",),
    ),
    Mutation(
        "a snapshot forgets the patient's RR",
        "stream/beats/windows.py",
        '_FIXED = ("ring", "at", "height", "patient", "templates")',
        '_FIXED = ("ring", "at", "height", "templates")',
        (f"{WINDOWS}::test_laws",),
    ),
    Mutation(
        "a snapshot forgets the high-pass",
        "stream/signal/highpass.py",
        'self._primed[0] = bool(state["primed"])',
        "self._primed[0] = False",
        ("tests/stream/signal/test_highpass.py",),
    ),
    Mutation(
        "high-pass off",
        "stream/signal/highpass.py",
        "        sos_filter_in_place(self._sos, y, self._zi, self._primed)\n",
        "",
        (GOLDEN,),
    ),
    Mutation(
        "lead-on is not told",
        "stream/signal/guard.py",
        "            events.append((decided, Event(began, began / self._fs, _KINDS[code], self._leads[lead])))\n",
        "            told = Event(began, began / self._fs, _KINDS[code], self._leads[lead])\n"
        '            events += [(decided, told)] if told.kind != "lead-on" else []\n',
        (GOLDEN,),
    ),
)

BEATS = (
    Mutation(
        "denoiser off",
        "stream/signal/denoise.py",
        "line[details, reach + i] = min(max(detail, -threshold), threshold)",
        "line[details, reach + i] = min(max(detail, 0.0), 0.0)",
        (GOLDEN,),
    ),
    Mutation(
        "marks 20 ms late",
        "stream/beats/kernel.py",
        "        out.mark = mark\n",
        "        out.mark = mark + round(0.02 * spans.fs)\n",
        (GOLDEN,),
    ),
    Mutation(
        "RR of the beat before",
        "stream/stretch.py",
        "            beats.interval.tolist(),\n",
        "            [*beats.interval.tolist()[1:], 0.5],\n",
        (GOLDEN,),
    ),
    Mutation(
        "RR from the middle of the QRS before",
        "stream/beats/kernel.py",
        "out.interval = (mark - p.last_mark) / spans.fs",
        "out.interval = (mark - p.last_centre) / spans.fs",
        (GOLDEN,),
    ),
    Mutation(
        "RR across a gap",
        "stream/beats/kernel.py",
        "if p.n_beats > 0 and not found.gap else -1.0",
        "if p.n_beats > 0 else -1.0",
        (f"{FAULTS}::test_a_fault_is_told_and_gone_three_seconds_after_it_ends",),
    ),
    Mutation(
        "delay without the look-ahead",
        "stream/beats/kernel.py",
        "max(settled, needed) + spans.look_ahead)",
        "max(settled, needed))",
        (GOLDEN,),
    ),
    Mutation(
        "delay without the detector's wait",
        "stream/beats/kernel.py",
        "decided = max(found.ready, max(settled, needed) + spans.look_ahead)",
        "decided = max(0, max(settled, needed) + spans.look_ahead)",
        (GOLDEN,),
    ),
    Mutation(
        "RR to the median of eight always 1",
        "stream/beats/intervals.py",
        "    x.rr_to_median8 = min(interval / median8, MOST)\n",
        "    x.rr_to_median8 = 1.0\n",
        (GOLDEN,),
    ),
    Mutation(
        "a run never begins",
        "stream/beats/intervals.py",
        "            p.run = 1\n",
        "            p.run = 0\n",
        (f"{INTERVALS}::test_a_tachycardia_that_lasts_is_a_run_and_a_rhythm_after_pauses_is_none",),
    ),
    Mutation(
        "irregularity of 48 intervals always 0",
        "stream/beats/intervals.py",
        "    return irregular / max(n - 2, 1)\n",
        "    return 0.0 * irregular / max(n - 2, 1)\n",
        (GOLDEN,),
    ),
    Mutation(
        "likeness to the dominant kind always 1",
        "stream/beats/likeness.py",
        "    x.dominant_corr = b.dominant_corr\n",
        "    x.dominant_corr = 1.0\n",
        (GOLDEN,),
    ),
    Mutation(
        "widths always those of the dominant kind",
        "stream/beats/likeness.py",
        "        (b.width[lead] - templates[b.dominant].width[lead]) / 100.0,\n",
        "        0.0 * b.width[lead],\n",
        (GOLDEN,),
    ),
    Mutation(
        "P waves forgotten",
        "stream/beats/kernel.py",
        "p.before[lead, k] += (b.before[lead, k] - p.before[lead, k]) / p.before_n",
        "p.before[lead, k] += 0.0 * b.before[lead, k]",
        (GOLDEN,),
    ),
    Mutation(
        "kinds joined by any likeness",
        "stream/beats/kinds.py",
        "JOIN = 0.9\n",
        "JOIN = 0.5\n",
        (GOLDEN,),
    ),
)

DETECTING = (
    Mutation(
        "refractory time of half its length",
        "stream/qrs/kernel.py",
        "if peak - r.last >= REFRACTORY or r.n_beats == 0",
        "if 2 * (peak - r.last) >= REFRACTORY or r.n_beats == 0",
        (f"{RULES}::test_refractory_time",),
    ),
    Mutation(
        "no wait for a QRS complex after a P wave",
        "stream/qrs/kernel.py",
        "s.now - s.pending.peak >= HOLD and not _waits(s, r, rings)",
        "s.now - s.pending.peak >= HOLD",
        (f"{RULES}::test_a_low_doubtful_candidate_waits_for_a_surer_one",),
    ),
    Mutation(
        "the wait ends while the envelope rises",
        "stream/qrs/kernel.py",
        "    return bool(highest > beat.height)\n",
        "    return bool(highest < 0.0)\n",
        (f"{RULES}::test_the_wait_goes_on_while_the_envelope_rises_to_what_may_be_the_qrs_complex",),
    ),
    Mutation(
        "the last candidate is the beat, and not the surest",
        "stream/qrs/kernel.py",
        "if s.pending.peak < 0 or p > s.pending.p:",
        "if s.pending.peak < 0 or p > 0.0:",
        (f"{RULES}::test_a_candidate_that_waits_gives_way_to_none_that_is_less_sure",),
    ),
    Mutation(
        "no search-back",
        "stream/qrs/kernel.py",
        "    if best.p > needed and ",
        "    if best.p > 2.0 and ",
        (f"{RULES}::test_search_back_takes_a_weak_beat_in_a_pause",),
    ),
    Mutation(
        "search-back takes T waves",
        "stream/qrs/kernel.py",
        "best.peak - r.last < T_WAVE and best.p < UNLIKELY",
        "best.peak - r.last < T_WAVE and best.p < 0.0",
        (f"{RULES}::test_search_back_leaves_t_waves_alone",),
    ),
    Mutation(
        "no second look in two leads",
        "stream/qrs/kernel.py",
        "            if apart >= 0:\n",
        "            if apart < -1:\n",
        (f"{RULES}::test_two_leads_that_show_a_beat_at_different_times_are_judged_apart",),
    ),
    Mutation(
        "a QRS complex in the refractory time is lost",
        "stream/qrs/kernel.py",
        "or r.n_beats == 0 or taller:",
        "or r.n_beats == 0:",
        (f"{RULES}::test_a_complex_twice_as_high_counts_in_the_refractory_time_of_a_p_wave_taken_for_a_beat",),
    ),
    Mutation(
        "P waves not unlearnt",
        "stream/qrs/learning.py",
        "        _copy(rhythm, learnt, np.int64(1), np.int64(0))\n",
        "        _copy(rhythm, learnt, np.int64(0), np.int64(0))\n",
        (f"{RULES}::test_what_a_p_wave_has_taught_is_unlearnt",),
    ),
    Mutation(
        "a bare pacing spike stays in the signal of the detector",
        "stream/cascade.py",
        "        on_grid = self.grid.push(despiked.begun())\n",
        "        on_grid = self.grid.push(signal)\n",
        ("tests/offline/test_pacing.py::test_bare_spikes_hide_no_asystole_and_an_atrial_spike_changes_no_label",),
    ),
    Mutation(
        "a paced beat keeps its label",
        "stream/batch.py",
        "        told = paced_as_q(",
        "        paced_as_q(",
        ("tests/offline/test_pacing.py::test_beats_after_a_spike_are_paced_and_q_at_any_phase",),
    ),
    Mutation(
        "the first wave of a steep QRS complex is a spike",
        "stream/signal/spike_kernel.py",
        "    return bool(after <= SETTLED * steepest)\n",
        "    return True\n",
        ("tests/stream/signal/test_spikes.py::test_the_first_wave_of_a_steep_qrs_complex_is_none",),
    ),
    Mutation(
        "P waves are beats in a standstill",
        "stream/qrs/overdue.py",
        "    return bool(best > like and ",
        "    return bool(best > 2.0 and ",
        (f"{RULES}::test_p_waves_alone_are_no_beats_however_long_the_standstill",),
    ),
    Mutation(
        "what two leads show low and strange is a beat",
        "stream/qrs/overdue.py",
        "height < low and qrs < QRS_LIKE",
        "height < 0.0 and qrs < QRS_LIKE",
        (f"{RULES}::test_what_two_leads_show_low_and_strange_in_a_pause_is_no_beat",),
    ),
    Mutation(
        "levels do not fall in silence",
        "stream/qrs/kernel.py",
        "learnt.level = max(0.9975 * learnt.level, learnt.lowest, 0.25 * e)",
        "learnt.level = max(learnt.level, learnt.lowest, 0.25 * e)",
        (f"{RULES}::test_a_long_pause_lowers_the_level",),
    ),
    Mutation(
        "levels fall for ever in silence",
        "stream/qrs/kernel.py",
        "learnt.level = max(0.9975 * learnt.level, learnt.lowest, 0.25 * e)",
        "learnt.level = max(0.9975 * learnt.level, 0.25 * e)",
        (f"{RULES}::test_the_level_sinks_no_lower_than_a_sixteenth_in_silence",),
    ),
    Mutation(
        "single lost samples interrupt",
        "stream/qrs/kernel.py",
        "    if lead.lost <= BRIDGE:\n",
        "    if lead.lost <= 0:\n",
        (f"{RULES}::test_single_lost_samples_are_bridged",),
    ),
    Mutation(
        "a lead counts while its filters ring",
        "stream/qrs/kernel.py",
        "        lead.hold_off = RINGING\n",
        "        lead.hold_off = 1\n",
        (f"{RULES}::test_a_lead_that_returns_is_left_out_while_the_filters_ring",),
    ),
    Mutation(
        "a new lead does not wait",
        "stream/qrs/leads.py",
        "if usable[lead] and not (any_known and is_new(leads[lead], learnt[lead])):",
        "if usable[lead]:",
        (f"{RULES}::test_a_new_lead_waits_until_its_size_is_known",),
    ),
    Mutation(
        "all leads weigh the same",
        "stream/qrs/leads.py",
        "w = q * q",
        "w = 1.0",
        (f"{RULES}::test_a_noisy_lead_has_little_say",),
    ),
    Mutation(
        "levels do not follow the beats",
        "stream/qrs/learning.py",
        "learnt.level += rate * ",
        "learnt.level += 0.0 * ",
        (GOLDEN,),
    ),
    Mutation(
        "an interrupted signal is not told of",
        "stream/qrs/kernel.py",
        "beats[n_out].gap = r.last < s.bad_until",
        "beats[n_out].gap = False",
        (f"{RULES}::test_more_than_40_ms_lost_is_an_interruption",),
    ),
)

SCORES = (
    Mutation(
        "S and V swapped in training",
        "offline/beat_dataset.py",
        "classes[pair[pair >= 0]] = record.classes[pair >= 0]",
        "classes[pair[pair >= 0]] = np.array([0, 2, 1, 3, 4])[record.classes[pair >= 0]]",
        (f"{TRAINING}::test_beats_are_cut_at_detected_peaks_and_labelled_from_the_reference",),
    ),
    Mutation(
        "false detections trained as N",
        "offline/beat_dataset.py",
        'CLASSES.index("Q")',
        'CLASSES.index("N")',
        (f"{TRAINING}::test_a_detection_that_is_no_reference_beat_is_q",),
    ),
    Mutation(
        "EC57 window of 100 ms",
        "offline/ec57.py",
        "MATCH_WINDOW_S = 0.150",
        "MATCH_WINDOW_S = 0.100",
        (EC57,),
    ),
    Mutation(
        "EC57 without the learning period",
        "offline/ec57.py",
        "LEARNING_PERIOD_S = 300.0",
        "LEARNING_PERIOD_S = 0.0",
        (EC57, "tests/cli/test_score.py"),
    ),
    Mutation(
        "the score counts V as N",
        "offline/ec57.py",
        "yield Outcome(ref.labels[i], tst.labels[j].lower(), int(ref.index[i]), int(tst.index[j]))",
        'yield Outcome(ref.labels[i].replace("V", "N"), tst.labels[j].lower(), int(ref.index[i]), int(tst.index[j]))',
        (EC57,),
    ),
    Mutation(
        "the score takes N called V for no error",
        "offline/ec57_statistics.py",
        'v_false = _cells(counts, "NSOX", "v")',
        'v_false = _cells(counts, "SOX", "v")',
        ("tests/offline/test_ec57_statistics.py",),
    ),
    Mutation(
        "a beat answers any other within the window",
        "offline/ec57_pairing.py",
        "if gap <= window and (gap < rival or abs(ref[i + 1] - tst[j + 1]) < rival):",
        "if gap <= window:",
        (EC57,),
    ),
    Mutation(
        "nodal escape beats are S",
        "replay/labels.py",
        '{"N": "NLRBejn", "S": "AaJS", "V": "VEr", "F": "F", "Q": "/fQ?"}',
        '{"N": "NLRBen", "S": "AaJSj", "V": "VEr", "F": "F", "Q": "/fQ?"}',
        ("tests/replay/test_labels.py",),
    ),
)

SERVICE = (
    Mutation(
        "each patient of a turn labelled alone",
        "stream/service/open_turn.py",
        "labelled = _labelled([described for _, described in waiting], label)",
        "labelled = [each for _, described in waiting for each in _labelled([described], label)]",
        (TURNS,),
    ),
    Mutation(
        "the error of one patient's labels is everybody's",
        "stream/service/open_turn.py",
        "        if len(described) == 1:\n            return [error]\n",
        "        if described:\n            return [error] * len(described)\n",
        (TURNS,),
    ),
    Mutation(
        "a turn that failed is saved",
        "stream/service/core.py",
        "                self._failed.set()\n",
        "",
        (f"{CORE}::test_what_could_not_be_handed_out_is_not_saved_and_comes_after_the_restart",),
    ),
    Mutation(
        "an output is written down before the sinks have it",
        "stream/service/delivery.py",
        "        failure = None\n",
        "        [self._ledger.tell(each.turn, line) for each in ready for line in each.step.lines]\n"
        "        self._ledger.keep()\n        failure = None\n",
        (f"{CORE}::test_what_could_not_be_handed_out_is_not_saved_and_comes_after_the_restart",),
    ),
    Mutation(
        "a message is not in the journal",
        "stream/service/core.py",
        "number = self._ledger.take_in(patient, payload, number, arrived_ms)",
        "pass",
        (f"{CORE}::test_deaths_between_turns_lose_and_double_nothing",),
    ),
    Mutation(
        "the journal forgets messages that wait",
        "stream/service/core.py",
        "                    needed.append(waiting.number)\n",
        "                    pass\n",
        (f"{CORE}::test_deaths_between_turns_lose_and_double_nothing",),
    ),
    Mutation(
        "what was told before a death is told again",
        "stream/service/folder_ledger.py",
        "return self._told if turn.number <= self._last_told else None",
        "return None",
        (f"{CORE}::test_deaths_between_turns_lose_and_double_nothing",),
    ),
    Mutation(
        "a shard acknowledges what it keeps unread",
        "fleet/broker_ledger.py",
        "return self._broker.number + 1 if kept is None else kept",
        "return self._broker.number + 1",
        ("tests/fleet/test_broker_ledger.py",),
    ),
)

ALERTED = "tests/stream/rhythm/test_alerts.py"

ALERTS = (
    Mutation(
        "what is of high priority waits as others do",
        "stream/rhythm/alerts.py",
        'if row.priority != "high" and last is not None',
        "if last is not None",
        (f"{ALERTED}::test_high_priority_does_not_wait",),
    ),
    Mutation(
        "low quality silences nothing",
        "stream/rhythm/alerts.py",
        "return row.quality > 0 and len(known)",
        "return False and len(known)",
        (f"{ALERTED}::test_low_quality_silences_an_alert_until_it_is_better",),
    ),
    Mutation(
        "a restart with a state of before forgets what goes on",
        "stream/rhythm/stage.py",
        '            if state["alerts"] is None:\n                self._alerts.adopt(self._told, self._heard)\n',
        '            if state["alerts"] is None:\n                pass\n',
        (f"{ALERTED}::test_a_state_without_alerts_tells_what_goes_on",),
    ),
    Mutation(
        "what begins anew is still known",
        "stream/run/known_alerts.py",
        'if output.state != "repeat":',
        "if False:",
        ("tests/stream/web/test_api.py::test_an_alert_that_is_known_is_shown_and_not_repeated",),
    ),
    Mutation(
        "an alert that the webhook did not take is let go",
        "stream/run/webhook.py",
        'if outcome != "failed":',
        "if True:",
        ("tests/stream/run/test_webhook.py::test_what_fails_is_tried_again_in_order_and_told_once",),
    ),
    Mutation(
        "a webhook forgets what waits",
        "stream/service/kept_alerts.py",
        'if entry.kind == "out" and entry.content not in waiting.values():',
        "if False:",
        ("tests/stream/service/test_kept_alerts.py",),
    ),
)

FIBRILLATION = "tests/stream/rhythm/test_fibrillation.py"
ATRIAL = "tests/stream/rhythm/test_atrial.py"

RHYTHMS = (
    Mutation(
        "fibrillation is told by one window alone",
        "stream/rhythm/fibrillation.py",
        "        self.mean = _mean(recent)\n",
        "        self.mean = _mean([odds])\n",
        (f"{FIBRILLATION}::test_it_begins_above_one_threshold_and_ends_below_the_other",),
    ),
    Mutation(
        "a window lies across a hole",
        "stream/rhythm/fibrillation.py",
        "        if heard.start != self._heard:  # samples are missing for long: no window lies across the hole\n",
        "        if False:\n",
        (f"{FIBRILLATION}::test_no_window_lies_across_a_hole",),
    ),
    Mutation(
        "a lead that is no measurement is judged",
        "stream/rhythm/fibrillation_window.py",
        "    if n_fine / n < FEWEST_GOOD:\n",
        "    if n_fine / n < 0.0:\n",
        (f"{FIBRILLATION}::test_what_a_lead_that_is_off_holds_has_no_say",),
    ),
    Mutation(
        "ectopic beats make a rhythm irregular",
        "stream/rhythm/irregularity.py",
        "beats[i].kind == 0 and (i == 0 or beats[i - 1].kind == 0)",
        "True",
        (f"{ATRIAL}::test_ectopic_beats_are_left_out_of_the_plain_ones",),
    ),
    Mutation(
        "the burden never forgets",
        "stream/rhythm/atrial.py",
        "            self._samples[gone % _MINUTES] = 0\n",
        "            pass\n",
        (f"{ATRIAL}::test_the_burden_is_of_the_last_hour",),
    ),
)

MUTATIONS: tuple[Mutation, ...] = (
    *LABELS, *OUTPUTS, *STREAM, *BEATS, *DETECTING, *RHYTHMS, *ALERTS, *SCORES, *SERVICE,
)  # fmt: skip
