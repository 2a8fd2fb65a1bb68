# Sidekiq: its lists and sorted sets, scripts that move what is due, retries, and jobs that go back when it is stopped.

require "minitest/autorun"
require "sidekiq/api"
require "tmpdir"
require_relative "sidekiq_jobs"

class SidekiqTest < Minitest::Test
  QUEUES = ["critical", "default", "low", "mails:out"]

  # A worker process of ten threads.
  def start(*queues, threads: 10)
    arguments = queues.flat_map { |queue| ["-q", queue] }
    @workers << spawn("sidekiq", "-r", File.join(__dir__, "sidekiq_jobs.rb"), "-c", threads.to_s, "-t", "1", *arguments, out: "/dev/null")
    @workers.last
  end

  def stop(worker, signal = "TERM")
    Process.kill(signal, worker)
    Process.wait(worker)
    @workers.delete(worker)
  end

  def setup
    @workers = []
    File.write(LEDGER, "")
    Sidekiq.redis(&:flushall)
  end

  def teardown
    @workers.dup.each { |worker| stop(worker, "KILL") }
  end

  def done
    File.readlines(LEDGER, chomp: true).tally
  end

  def wait_until(what, seconds = 60)
    deadline = Time.now + seconds
    until yield
      flunk "#{what}: not after #{seconds} s" if Time.now > deadline
      sleep 0.02
    end
  end

  def wait_for(count)
    wait_until("#{count} jobs are done") { done.size >= count }
  end

  def assert_once(expected)
    assert_equal [], expected.reject { |job| done.key?(job) }.first(5)
    assert_equal [], done.reject { |_, count| count == 1 }.first(5)
    assert_equal expected.size, done.size
  end

  def test_jobs_of_several_queues_are_each_done_once
    2.times { start(*QUEUES) }
    QUEUES.each do |queue|
      Note.set(queue: queue).perform_bulk((0...500).map { |at| ["#{queue}/#{at}"] })
      (500...1000).each { |at| Note.set(queue: queue).perform_async("#{queue}/#{at}") }
    end
    wait_for(4000)
    assert_once(QUEUES.flat_map { |queue| (0...1000).map { |at| "#{queue}/#{at}" } })
    wait_until("all are counted") { Sidekiq::Stats.new.processed == 4000 }
    assert_equal 0, Sidekiq::Stats.new.enqueued
    assert_equal 2, Sidekiq::ProcessSet.new.size
  end

  def test_a_queue_that_is_named_first_is_emptied_first
    Note.set(queue: "low").perform_bulk((0...200).map { |at| ["low #{at}"] })
    Note.set(queue: "critical").perform_bulk((0...200).map { |at| ["critical #{at}"] })
    start("critical", "low", threads: 1)
    wait_for(400)
    assert_equal %w[critical low].flat_map { |queue| (0...200).map { |at| "#{queue} #{at}" } }, done.keys
  end

  def test_scheduled_jobs_come_once_and_not_before_their_time
    2.times { start("default") }
    (0...1000).each do |at|
      delay = 0.5 + at % 10 * 0.2
      Due.perform_in(delay, "job #{at}", Time.now.to_f + delay)
    end
    wait_for(1000)
    assert_once((0...1000).map { |at| "job #{at}" })
  end

  def test_a_failing_job_is_tried_again_and_dies_after_its_retries
    2.times { start("default") }
    (0...200).each { |number| Stubborn.perform_async(number) }
    wait_until("all have ended") { done.size == 600 && Sidekiq::DeadSet.new.size == 40 }
    assert_once((0...200).flat_map { |number| (1..3).map { |attempt| "#{number} attempt #{attempt}" } })
    assert_equal 0, Sidekiq::RetrySet.new.size
  end

  def test_jobs_of_a_stopped_worker_go_back_and_are_done_by_another_one
    Dir.mktmpdir do |folder|
      hang = File.join(folder, "hang")
      File.write(hang, "")
      (0...100).each { |at| Slow.perform_async("job #{at}", hang) }
      victim = start("default")
      wait_until("it has ten") { Sidekiq::Queue.new.size == 90 }
      stop(victim)
      File.delete(hang)
      assert_equal 100, Sidekiq::Queue.new.size
      start("default")
      wait_for(100)
      assert_once((0...100).map { |at| "job #{at}" })
    end
  end

  def test_jobs_are_found_and_removed
    ids = (0...300).map { |at| Note.perform_in(1000 + at, "job #{at}") }
    set = Sidekiq::ScheduledSet.new
    assert_equal 300, set.size
    assert_equal ["job 7"], set.find_job(ids[7]).args
    assert_equal 300, set.scan("job").count
    ids.first(100).each { |id| set.find_job(id).delete }
    assert_equal 200, set.size
    Note.set(queue: "low").perform_bulk((0...100).map { |at| ["job #{at}"] })
    assert_equal((0...100).map { |at| "job #{at}" }.reverse, Sidekiq::Queue.new("low").map { |job| job.args.first })
    Sidekiq::Queue.new("low").clear
    assert_equal 0, Sidekiq::Queue.new("low").size
  end
end
