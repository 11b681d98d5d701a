# SPDX-License-Identifier: Apache-2.0
# Searches: each that US Core demands, and those that are hard, beside the bare handler with the same
# SQL; and what more data does to those of one patient.
package Search;

use strict;
use warnings;
use Bench;
use FHIR::Test::Searches qw(@ONE_PATIENT @OTHERS @HARD);
use FHIR::Test::System qw(built run_ok);
use Time::HiRes qw(time);

# ---- requests ----

sub lists {
    my ($most, $tenant) = @_;
    my $sql = sub { sql($_[0], $tenant) };
    my @p = FHIR::Test::Searches::patients($sql, $most, 60);
    die "no patient has 60 Observations: more patients are needed\n" unless @p;
    return FHIR::Test::Searches::lists($sql, @p);
}

sub requests {
    my ($template, $lists, $most) = @_;
    return map { "/dev/r4/$_&_count=50" } FHIR::Test::Searches::requests($template, $lists, $most // 60);
}

# The page so many pages further on, where there are so many.
sub deep {
    my ($pages, @paths) = @_;
    my @deep;
    for my $path (@paths[0 .. ($#paths < 9 ? $#paths : 9)]) {
        my $n = $pages;
        while ($path and $n--) {
            my ($next) = grep { $_->{relation} eq 'next' } @{ $httpd->get($path)->json->{link} || [] };
            $path = $next && $next->{url} =~ s{^http://[^/]*}{}r;
        }
        push @deep, $path if $path;
    }
    return @deep;
}

# ---- beside the bare handler ----

sub prepared {
    my ($name, $template, $lists) = @_;
    my $whole = $template;
    my $includes = $template =~ s/ \+$//;
    my $pages = $template =~ s/ @(\d+)$// ? $1 : 0;
    my @paths = requests($template, $lists);
    @paths = deep($pages, @paths) if $pages and @paths;
    return printf "%-66s no data\n", $name unless @paths;
    my ($matches, @seconds) = (0);
    for my $path (@paths[0 .. ($#paths < 9 ? $#paths : 9)]) {
        my $start = time;
        my $r = $httpd->get($path);
        push @seconds, time - $start;
        return refused($name, $whole, $r) if $r->status != 200;
        $matches += () = $r->body =~ /"mode":"match"/g;
        last if $seconds[-1] > 5;
    }
    my $slow = median(@seconds) > 0.3;
    @paths = @paths[0 .. ($#paths < 2 ? $#paths : 2)] if $slow;
    my @bare;
    eval { @bare = capture('page', @paths) unless $includes; 1 } or return print "$name: $@";
    return { name => $name, slow => $slow, rows => $matches / @seconds, paths => \@paths,
        @bare ? (bare => \@bare) : () };
}

# What costs too much without an index (FHIRCostMax), or takes too long: { name, template, advice }.
sub refused {
    my ($name, $template, $r) = @_;
    my ($text) = $r->body =~ /"diagnostics":"((?:[^"\\]|\\.)*)/;
    printf "%-66s %d %.100s …\n", $name, $r->status, $text // '';
    return { name => "$name, with the indexes advised", template => $template,
        advice => [ ($text // '') =~ /fhirctl (index add \w+ [\w-]+)/g ] };
}

# Too slow for wrk: one after the other.
sub one_by_one {
    my ($search) = @_;
    my %runs;
    for my $round (0 .. 2) {
        for my $who (qw(bare paths)) {
            my $path = $search->{$who} && $search->{$who}[ $round % @{ $search->{$who} } ] or next;
            my $start = time;
            $httpd->get($path);
            my $ms = (time - $start) * 1000;
            push @{ $runs{ $who eq 'bare' ? 'bare' : 'fhir' } }, { p50 => $ms, rate => 1000 / $ms };
        }
    }
    $runs{rate} = [ map { $runs{fhir}[$_]{rate} / $runs{bare}[$_]{rate} } 0 .. $#{ $runs{bare} } ] if $runs{bare};
    return \%runs;
}

sub report {
    my ($search) = @_;
    my $fhir = paths('fhir', @{ $search->{paths} });
    my $runs = $search->{slow} ? one_by_one($search)
        : $search->{bare} ? measure(paths('bare', @{ $search->{bare} }), $fhir, connections => 4)
        : { fhir => [ map { wrk($fhir, connections => 4) } 0 .. $option{rounds} ] };
    printf "%-66s %5.1f rows %8.2f ms", @$search{qw(name rows)}, median(map { $_->{p50} } @{ $runs->{fhir} });
    printf "  rate %s", spread(@{ $runs->{rate} }) if $runs->{rate};
    printf "  CPU %s", spread(@{ $runs->{cpu} }) if $runs->{cpu};
    print "\n";
    return;
}

sub bench {
    my $lists = lists(100);
    print "search: matches a page (at most 50), median time of mod_fhir on 4 connections; ratios to the bare handler\n";
    my @refused = report_all($lists, (map { [ $_, $_ ] } @ONE_PATIENT, @OTHERS),
        map { [ "$_->[0]: " . $_->[1] =~ s/ [@+]\d*$//r, $_->[1] ] } @HARD);
    add_index($_) for map { @{ $_->{advice} } } @refused;
    report_all($lists, map { [ @$_{qw(name template)} ] } grep { @{ $_->{advice} } } @refused);
    return;
}

# Returns those that were refused.
sub report_all {
    my ($lists, @searches) = @_;
    my @all = grep { ref } map { prepared(@$_, $lists) } @searches;
    know_statements();
    for (grep { $_->{paths} } @all) { eval { report($_); 1 } or print "$_->{name}: $@" }
    return grep { $_->{advice} } @all;
}

sub add_index {
    my ($command) = @_;
    my $start = time;
    run_ok({ env => env() }, built('fhirctl'), split / /, $command);
    printf "%-66s %.0f s\n", "fhirctl $command", time - $start;
    return;
}

# ---- more data ----

# What more data does to the searches of one patient: the same requests to databases of each size, in
# turn, of the same patients (whom the smallest has) and of any of the database's own.
sub curve {
    my @tenants = map { tenant($_) } populations();
    printf "curve: median ms and CPU us a request on 2 connections, with %s patients in the database; growth to the "
        . "last\n",
        join ', ', populations();
    my $same = lists(100, $tenants[0]);
    grow_with('same patients', map { my $tenant = $_; [ $tenant, $same ] } @tenants);
    grow_with('any patients', map { [ $_, lists(300, $_) ] } @tenants);
    return;
}

sub grow_with {
    my ($set, @databases) = @_;
    my %growth;
    for my $template (@ONE_PATIENT) {
        my @files = map { paths_in($template, @$_) } @databases;
        if (@files < @databases) { print "$set, $template: no data\n"; next }
        my @runs = map { my $round = $_; [ map { wrk($_, connections => 2) } @files ] } 1 .. $option{rounds};
        my %of;
        for my $figure (qw(p50 cpu)) {
            $_->{cpu} = $_->{httpd} + $_->{pg} for map { @$_ } @runs;
            $of{$figure} = [ map { $_->[-1]{$figure} / $_->[0]{$figure} } @runs ];
            push @{ $growth{$figure} }, median(@{ $of{$figure} });
        }
        printf "%-80s%s  x%s  CPU x%s\n", "$set, $template", join('', map { my $i = $_;
            sprintf ' %6.2f ms %5.0f us', map {
                my $figure = $_; median(map { $_->[$i]{$figure} } @runs) } qw(p50 cpu) } 0 .. $#files),
            map { spread(@$_) } @of{qw(p50 cpu)};
    }
    printf "%s: growth of time x%s, of CPU x%s over all searches\n", $set, map { spread(@$_) } @growth{qw(p50 cpu)};
    return;
}

# The file of a template's requests to a tenant, which have been made once; nothing if it has no data.
sub paths_in {
    my ($template, $tenant, $lists) = @_;
    my @paths = map { s{^/dev/}{/$tenant/}r } requests($template, $lists, 600) or return;
    warm(@paths);
    return paths($tenant, @paths);
}

1;
